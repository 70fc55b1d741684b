"""The command line, one file a command. Each imports what is slow only when it is called."""
