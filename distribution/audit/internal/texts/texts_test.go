package texts

import "testing"

func TestTable(t *testing.T) {
	var table Table
	if table.Text(0) != "" || table.Len() != 1 {
		t.Errorf("an empty table has %d texts, the first %q", table.Len(), table.Text(0))
	}
	a, b := table.Number("a"), table.Number("b")
	if a == b || a == 0 || table.Number("a") != a || table.Number("") != 0 || table.Len() != 3 {
		t.Errorf("a is %d, b is %d, then a is %d, of %d", a, b, table.Number("a"), table.Len())
	}
	if table.Text(b) != "b" || table.Intern("c") != "c" {
		t.Errorf("text %d is %q", b, table.Text(b))
	}
}

func TestPrintable(t *testing.T) {
	if got := Printable("a\x1b[2J\nb\u202e é"); got != "a\ufffd[2J\ufffdb\ufffd é" {
		t.Errorf("%q", got)
	}
}
