// Command release builds everything of a release from the commit that is checked out, in one folder:
// static binaries in archives with the documents, Debian and RPM packages, a list of modules (SPDX)
// for each binary, an OCI image of all Linux platforms in an archive, and SHA256SUMS. The same commit
// built by the same Go gives the same bytes, wherever and whenever it is built: all times are that of
// the commit, and the build sees a clone of it, not the working tree.
//
//	make release VERSION=v0.2.0
package main
