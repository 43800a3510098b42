"""Where feeds are fetched from: a folder, a web server, an SFTP server."""

from shopwire.adapters.sources.folder import FolderSource
from shopwire.adapters.sources.http import HttpSource
from shopwire.adapters.sources.sftp import SftpSource

__all__ = ["FolderSource", "HttpSource", "SftpSource"]
