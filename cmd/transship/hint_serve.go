package main

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

	"github.com/hczjl/transship/auth/htpasswd"
)

// serveHint is for what keeps a registry from being served.
func serveHint(err error) string {
	var base *servedBaseError
	var dns *net.DNSError
	switch {
	case errors.As(err, &base) && base.Base.ID == "":
		return "name what has those blobs too, a bundle or a folder; it was saved for " + base.Base.File
	case errors.As(err, &base):
		return "name " + base.Base.File + " too: a bundle is served together with those that it builds on"
	case as[*writableError](err) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
		return "without --writable the folder is only read"
	case as[*writableError](err):
		return "--writable wants an image layout, or a folder that is empty or missing"
	case as[*htpasswd.FileError](err):
		return "htpasswd -B FILE USER puts a user into the file"
	case errors.As(err, &dns):
		return "check the host's name and the DNS"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program has that port; port 0 is any free one"
	case errors.Is(err, fs.ErrPermission):
		return "ports below 1024 may be for root alone"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "the address must be one of this machine"
	}
	return ""
}
