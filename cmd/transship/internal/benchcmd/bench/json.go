package bench

import "time"

// Document is a report as JSON has it. Names have the units.
type Document struct {
	Origin
	Cells []jsonCell `json:"cells"`
	Limit *jsonLimit `json:"limit,omitempty"`
	Left  []LeftJSON `json:"left,omitempty"`
}

type jsonCell struct {
	Name        string      `json:"name"`
	Jobs        int         `json:"jobs,omitempty"` // omitted for auto
	HTTP        string      `json:"http,omitempty"`
	Upload      string      `json:"upload,omitempty"`
	Ranges      int         `json:"ranges,omitempty"` // omitted if chosen by the engine
	Buffer      int         `json:"buffer,omitempty"` // bytes; omitted for the client's default
	BytesPerSec *jsonSpread `json:"bytesPerSecond,omitempty"`
	NsPerOp     jsonSpread  `json:"nsPerOp"`
	Floors      float64     `json:"timesFloor,omitempty"`
	Rounds      []jsonRound `json:"rounds"`
}

type jsonSpread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

type jsonRound struct {
	Start   time.Time `json:"start"`
	Ns      int64     `json:"ns"`
	Ops     int       `json:"ops"`
	Bytes   int64     `json:"bytes"`
	Blobs   int       `json:"blobs"`
	Present int       `json:"blobsPresent"`
	Mounted int       `json:"blobsMounted"`
	Calls   int       `json:"calls"`
	TTFB50  int64     `json:"ttfbP50Ns"`
	TTFB99  int64     `json:"ttfbP99Ns"`
	CPU     int64     `json:"cpuNs"`
	Peak    int64     `json:"rssPeakBytes"`
}

type jsonLimit struct {
	Over   string     `json:"linkMeasuredWith"`
	Link   []jsonRate `json:"link"`
	SHA256 []jsonRate `json:"sha256"`
}

type jsonRate struct {
	N           int     `json:"n"`
	BytesPerSec float64 `json:"bytesPerSecond"`
}

// LeftJSON is a [Leftover] as JSON has it.
type LeftJSON struct {
	Repository string `json:"repository"`
	Manifests  int    `json:"manifests"`
	Blobs      int    `json:"blobs"`
	Bytes      int64  `json:"bytes"`
	Reason     string `json:"reason"`
}

// Document returns the report as JSON has it.
func (r *Report) Document() Document {
	out := Document{Origin: r.Origin, Cells: []jsonCell{}}
	for i := range r.Cells {
		out.Cells = append(out.Cells, r.jsonCell(i))
	}
	if r.Limit != nil {
		out.Limit = &jsonLimit{r.Limit.Over, jsonRates(r.Limit.Link), jsonRates(r.Limit.Hash)}
	}
	out.Left = LeftAsJSON(r.Left)
	return out
}

// LeftAsJSON returns what is left behind as JSON has it.
func LeftAsJSON(left []Leftover) (out []LeftJSON) {
	for _, l := range left {
		out = append(out, LeftJSON{l.Repository, l.Manifests, l.Blobs, l.Bytes, l.Reason.Error()})
	}
	return out
}

func (r *Report) jsonCell(i int) jsonCell {
	s, c := r.Summary(i), r.Cells[i]
	out := jsonCell{
		Name: c.String(), Jobs: c.Jobs, HTTP: c.HTTP, Upload: c.Upload.Name, Ranges: c.Ranges, Buffer: c.Buffer,
		NsPerOp: jsonSpread(s.Op), Floors: s.TimesFloor, Rounds: []jsonRound{},
	}
	if s.Speed.Median > 0 {
		speed := jsonSpread(s.Speed)
		out.BytesPerSec = &speed
	}
	for _, s := range r.SamplesOf(i) {
		out.Rounds = append(out.Rounds, jsonRound{
			Start: s.Start, Ns: s.Elapsed.Nanoseconds(), Ops: s.Ops, Bytes: s.Bytes,
			Blobs: s.Blobs, Present: s.Present, Mounted: s.Mounted, Calls: s.Calls,
			TTFB50: Quantile(s.TTFB, 0.5).Nanoseconds(), TTFB99: Quantile(s.TTFB, 0.99).Nanoseconds(),
			CPU: s.CPU.Nanoseconds(), Peak: s.Peak,
		})
	}
	return out
}

func jsonRates(rates []Rate) (out []jsonRate) {
	for _, r := range rates {
		out = append(out, jsonRate{r.N, r.PerSecond()})
	}
	return out
}
