// Package auditcmd is the commands that read what --audit has written, and HARs of other programs:
// [Verify] returns audit verify, [Show] audit show, [Waterfall] audit waterfall, [Curl] audit curl
// and [Diff] audit diff.
package auditcmd
