// Package audit writes and reads the record of a run: one [Entry] for each
// attempt of each call on the wire.
//
// There are two formats, told apart by the file's extension. In ".jsonl" each
// line is one JSON object: first the [Run], then an entry for each attempt in
// the order in which they ended, last an [End]. In ".har" (HTTP Archive 1.2,
// http://www.softwareishard.com/blog/har-12-spec/) the entries stand in
// log.entries, where browsers' developer tools find them; what HAR has no
// member for has a name that begins with an underscore, as that specification
// wants. A file is written as the calls end and nothing of it is kept in
// memory. Killed at any moment it has complete lines, or is complete JSON.
//
// # The chain
//
// The records of a file, Run and End among them, are chained. Each has its
// number from 1 on, the hash of the record before it, and as its last member
// its own hash: SHA-256, in hex, of the record's bytes as they stand in the
// file without that member. [Verify] says where a record was changed, removed
// or inserted. The hashes have no key: who may write the file can write
// another chain. Keep the last hash where the file is not, to show later that
// it is the same.
//
// # Reports
//
// The packages below this one read an audit, or a HAR of another tool: trace
// says what its time went to, waterfall draws it, curl makes shell commands of
// the calls, and diff finds what two audits do not have in common.
//
// # Secrets
//
// What is written has been redacted by package wire, and what [Reader] reads
// of another tool's HAR is redacted in the same way.
package audit
