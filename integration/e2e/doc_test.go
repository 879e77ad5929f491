// Package e2e runs the transship program as users do, against real registries. It compares the
// results with the fixtures, docker's own commands, and the registries' access logs.
package e2e
