-- A watch may be written with its supplier's first word, and then knows at once when it was sent.
CREATE TRIGGER routing_watch_prunes_first AFTER INSERT ON routing_watch
    FOR EACH ROW WHEN (NEW.sent_at_ms IS NOT NULL)
    EXECUTE FUNCTION routing_watch_prunes();
