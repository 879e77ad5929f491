// Package bundle is the commands that carry images to a site without a network, in one tar (a
// bundle) or in a folder: [Save] returns save, [Load] returns load, and [Verify] returns verify.
package bundle
