package main

import (
	"strings"
	"testing"
)

// What the flags name is there, and results have a place.
func TestParse(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"-bin", "/x", "-works", "copy,many", "-tools", "crane"})
	if err != nil || o.json != "/x/peers/peers.json" || o.svg != "/x/peers/peers.svg" {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse([]string{"-bin", "/x", "-growth", "-svg", "a.svg"}); err != nil || o.json != "/x/peers/growth.json" || o.svg != "a.svg" {
		t.Errorf("%+v, %v", o, err)
	}
	for args, want := range map[string]string{
		"-works copy,mani": `there is no work "mani": there are copy, far, tls, many`,
		"-tools docker":    `there is no tool "docker": there are transship, transship-system, crane`,
		"-rounds 0":        "at least one round",
		"copy":             "no arguments",
	} {
		if _, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}
