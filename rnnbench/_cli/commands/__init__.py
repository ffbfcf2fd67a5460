"""The commands, one file each: parse flags, call the package, print the result. No command imports another."""
