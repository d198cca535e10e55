"""`callserver doctor`: looks at what calls need on this machine and says what to do about each thing that is wrong."""
