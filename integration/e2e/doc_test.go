// Package e2e runs the transship program as its users do, against real registries, and holds what it left there against
// the fixtures, docker's own commands and the registries' access logs.
package e2e
