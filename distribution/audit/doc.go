// Package audit writes and reads the record of a run: an [Entry] for every attempt of every HTTP
// call, or of a server for every request. Start from [Create] to write an audit, from [NewReader] to read one, and from [Verify] to
// check that nobody changed it.
//
// There are two formats, and the file's extension says which one is meant. In ".jsonl" each line is
// one JSON object: the [Run] first, then the entries in the order in which the attempts ended, and
// an [End] last. In ".har" (HTTP Archive 1.2, http://www.softwareishard.com/blog/har-12-spec/) the
// entries stand in log.entries, where the developer tools of browsers find them; members that HAR
// does not have begin with an underscore, as its section "Custom Fields" asks for.
//
// A file is written while the calls end, and nothing of it is kept in memory. A process that is
// killed leaves complete lines, or complete JSON, unless it was just writing: then the last record is
// cut short, and readers say so.
//
// # The chain
//
// The records of a file (the Run, the entries, the End) form a hash chain. Each record holds its
// number, from 1; the hash of the record before it; and, as its last member, its own hash: SHA-256,
// in hex, of the record's bytes in the file without that member. [Verify] says where a record was
// changed, removed or inserted. The hashes have no key: anyone who can write the file can write
// another chain. To show later that a file is the same, keep its last hash elsewhere.
//
// # Reports
//
// The packages below this one read an audit, or a HAR of another tool: trace says what the time of
// a run went to, waterfall draws its calls, curl turns them into a shell script, and diff compares
// two runs.
//
// # Secrets
//
// Package wire redacts what is written here. What [Reader] reads from a HAR of another tool is
// redacted by the same rules.
package audit
