"""Send-side bandwidth estimation for a downlink: one idea a file, no I/O, time is an argument."""
