"""The command line `handos`: one file for each command."""
