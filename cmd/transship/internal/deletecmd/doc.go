// Package deletecmd is the command that deletes tags and images on a registry: [Delete] returns
// delete.
package deletecmd
