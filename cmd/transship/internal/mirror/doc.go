// Package mirror is the commands that bring images from one place to another: [Copy] returns copy,
// and [Sync] returns sync. [CopyOne] runs copy for the demo.
package mirror
