package htpasswd

import (
	"fmt"
	"strings"
	"testing"
)

// digits80 is longer than the 72 bytes that bcrypt uses.
var digits80 = strings.Repeat("0123456789", 8)

// The test vectors of Openwall's crypt_blowfish (wrapper.c), except those of $2x$ and of its own
// variant of $2a$, and hashes made by htpasswd 2.4.71 of Debian's apache2-utils with -nbB, -nbB -C
// 8, -nbB -C 4 and -nbm.
func TestHashes(t *testing.T) {
	aa, aa55, three := strings.Repeat("\xaa", 72), strings.Repeat("\xaa\x55", 36), strings.Repeat("\x55\xaa\xff", 24)
	for _, test := range []struct{ hash, password string }{
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
		{"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
		{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
		{"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"},
		{"$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
		{"$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "\xa3"},
		{"$2y$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e", "\xff\xa3345"},
		{"$2a$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS", "\xa3ab"},
		{"$2a$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6", aa + "chars after 72 are ignored as usual"},
		{"$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy", aa55},
		{"$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe", three},

		{"$2y$05$uuFMglWwJnOuOx/ZindKsu/IbBm4cBRgBOLngOi/9rIulCT8cNOz6", "anchor"},
		{"$2y$08$tmchTBWaDjTqMswzvObDxehzrHlSjlobpn8Sqfd79qz685CCyyyOS", "a longer pass phrase, with ünïcode"},
		{"$2y$04$nKrh0/baEWQfGl04BHN/sOXRSPp2fYnuGrrWlp.z38h3kTtEezU1q", digits80},
		{"$2y$04$nKrh0/baEWQfGl04BHN/sOXRSPp2fYnuGrrWlp.z38h3kTtEezU1q", digits80[:72] + "other"},
		{"$2y$05$0VYD0aOwX6AzbNDKyZIZo.Szf3i1N7nh0FO8nsLdOpI2bOOuuQ/fW", ""},

		{"$apr1$maVDpNv2$Sp4bFpfaSu5ryps0oicJq/", "anchor"},
		{"$apr1$GGKVhUyU$ftEl8TcigTw0JjrCQ.MxT.", "correct horse battery staple"},
		{"$apr1$WBEgdiGT$gsXeisLNQBJiv2lzJlXc/.", ""},
		{"$apr1$rbhW2dS5$U9nPgWo4zN.yLdGescJS00", "ünïcode"},
		{"$apr1$5yVeOn0F$T1sSxWD0AZ4Go9otVDWnm/", digits80},
	} {
		h, err := parseHash(test.hash)
		if err != nil {
			t.Errorf("%s: %v", test.hash, err)
			continue
		}
		if !h.matches(test.password) {
			t.Errorf("%s does not match %q", test.hash, test.password)
		}
		for _, format := range []string{"x%s", "%sx", "%[1]s%[1]sy"} {
			wrong := fmt.Sprintf(format, test.password)
			if len(test.password) < 72 && h.matches(wrong) {
				t.Errorf("%s also matches %q", test.hash, wrong)
			}
		}
	}
}

// The digits of pi in descriptions of Blowfish: the first and last subkeys, and the ends of the
// boxes.
func TestPi(t *testing.T) {
	c := initialState()
	for _, test := range []struct{ got, want uint32 }{
		{c.p[0], 0x243f6a88}, {c.p[17], 0x8979fb1b}, {c.s[0][0], 0xd1310ba6}, {c.s[0][255], 0x6e85076a},
		{c.s[1][0], 0x4b7a70e9}, {c.s[2][0], 0xe93d5a68}, {c.s[3][0], 0x3a39ce37}, {c.s[3][255], 0x3ac372e6},
	} {
		if test.got != test.want {
			t.Errorf("got %08x, want %08x", test.got, test.want)
		}
	}
}

// Schneier's test vector with a zero key and a zero block.
func TestBlowfish(t *testing.T) {
	c := *initialState()
	c.expand(&[4]uint32{}, keyWords(make([]byte, 8)))
	if l, r := c.encrypt(0, 0); l != 0x4ef99745 || r != 0x6198dd78 {
		t.Errorf("got %08x%08x", l, r)
	}
}

func BenchmarkPi(b *testing.B) {
	for b.Loop() {
		piWords(1042)
	}
}

func BenchmarkBcrypt(b *testing.B) {
	initialState()
	for b.Loop() {
		bcrypt("anchor", [16]byte{}, 10)
	}
}
