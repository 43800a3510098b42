"""The same bytes to many sockets by one call of the kernel: io_uring of Linux."""
