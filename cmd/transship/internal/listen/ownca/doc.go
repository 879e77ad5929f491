// Package ownca keeps a certificate authority and a server's certificate in a folder, for registries
// whose clients are told to trust that authority. Start with [Ensure].
//
// The folder has ca.crt, which clients get, ca.key, server.crt and server.key: ECDSA on P-256, PEM.
// The keys are for their owner alone. ca.key may be kept elsewhere until a certificate is needed.
//
// The CA is valid for ten years. A server's certificate is valid for two, below the 825 days that
// Apple's systems accept, and is replaced 30 days before its end.
package ownca
