"""What commands share of the terminal: flags made from the requests, displays, words, and files that they save."""
