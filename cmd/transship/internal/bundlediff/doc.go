// Package bundlediff has the command bundle diff: what changed between two bundles.
package bundlediff
