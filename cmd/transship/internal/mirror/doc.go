// Package mirror is the commands that bring images from one place to another: [Copy] returns copy,
// [Sync] returns sync, and [ReportMerge] returns report merge. [CopyOne] runs copy for the demo.
package mirror
