package svg

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func TestImageIsXML(t *testing.T) {
	const evil = `</text><script>"'&<!--` + "\x00\x1b\ufffe"
	i := &Image{Title: evil, Class: "x", Width: 10, Height: 20.5, Style: "text { fill: black }"}
	i.Group(evil, func() { i.Text(1, 2, "a b", evil) })
	i.Rect(0, 0, 1, 1, "a")
	i.Rect(0, 0, 0, 1, "unseen")
	i.Line(0, 0, 1, 1, "a")
	i.Circle(1, 1, 1, "a")
	i.Path("M0 0h1", "a")
	elements := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(i.String())); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, i)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["script"] > 0 || elements["text"] != 1 || elements["rect"] != 2 || elements["title"] != 2 {
		t.Errorf("%v in\n%s", elements, i)
	}
	if head := `width="10" height="20.5" viewBox="0 0 10 20.5"`; !strings.Contains(i.String(), head) {
		t.Errorf("no %s in\n%s", head, i)
	}
}

func TestFluidIsPercentAcross(t *testing.T) {
	d := &Drawing{Fluid: true}
	d.Line(0, 1, 100, 2.5, "a")
	if want := `<line x1="0%" y1="1" x2="100%" y2="2.5" class="a"/>` + "\n"; d.String() != want {
		t.Errorf("got %s want %s", d, want)
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 100: "100", 2.5: "2.5", 1.0 / 3: "0.33", -8: "-8", 9.999: "10"} {
		if got := Number(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}
