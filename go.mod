module github.com/hczjl/transship

go 1.25.0

require (
	github.com/docker/docker-credential-helpers v0.9.12
	github.com/google/go-cmp v0.7.0
	golang.org/x/sync v0.21.0
)
