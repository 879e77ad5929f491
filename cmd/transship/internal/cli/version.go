package cli

// Version is the next release.
const Version = "0.2.0"
