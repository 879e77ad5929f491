package wire

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// certsFiles returns the files for host in the certs.d directories, by the rules of docker and
// podman: in DIR/HOST[:PORT], *.crt are roots trusted in addition to the system's, and a *.cert is
// a client certificate whose key is the *.key of the same name; one without the other is an error.
// The files of several directories add up, ordered by directory and then by name. A directory that
// is missing or not readable is skipped, as podman does: often only the daemon may read
// /etc/docker.
func certsFiles(directories []string, host string) (tlsFiles, error) {
	var files tlsFiles
	for _, directory := range directories {
		for _, name := range hostDirectories(host) {
			found, err := certsIn(filepath.Join(directory, name), host)
			if err != nil {
				return tlsFiles{}, err
			}
			files.roots = append(files.roots, found.roots...)
			files.pairs = append(files.pairs, found.pairs...)
		}
	}
	return files, nil
}

// CertsFiles returns the names of the files for host in directories such as /etc/docker/certs.d: roots
// that are trusted besides the system's, and client certificates. It reads none of them. The error is a
// *[CertificateError].
func CertsFiles(directories []string, host string) (roots, certs []string, err error) {
	files, err := certsFiles(directories, host)
	for _, pair := range files.pairs {
		certs = append(certs, pair.cert)
	}
	return files.roots, certs, err
}

// hostDirectories returns the names that a directory for host may have. A host without a port is
// also found under the port of https. A redirect's host that is not a plain file name has none.
func hostDirectories(host string) []string {
	if host == "" || host == "." || host == ".." || strings.ContainsAny(host, `/\`) {
		return nil
	}
	names := []string{host, host + ":443"}
	if bare, ok := strings.CutSuffix(host, ":443"); ok {
		names = []string{bare, host}
	} else if hasPort(host) {
		names = names[:1]
	}
	if runtime.GOOS == "windows" {
		// A file name cannot contain a colon there. docker omits it.
		for i := range names {
			names[i] = strings.ReplaceAll(names[i], ":", "")
		}
	}
	return names
}

func hasPort(host string) bool {
	return strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']')
}

// certsIn returns the files of one directory.
func certsIn(directory, host string) (tlsFiles, error) {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return tlsFiles{}, nil
	}
	if err != nil {
		return tlsFiles{}, unreadable(host, directory, err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return sortCerts(directory, host, names)
}

// sortCerts sorts the files of a directory by the extension of their names.
func sortCerts(directory, host string, names []string) (tlsFiles, error) {
	var files tlsFiles
	for _, name := range names {
		path := filepath.Join(directory, name)
		stem := strings.TrimSuffix(name, filepath.Ext(name))
		switch filepath.Ext(name) {
		case ".crt":
			files.roots = append(files.roots, path)
		case ".cert":
			if !slices.Contains(names, stem+".key") {
				return files, &CertificateError{host, path, errors.New("missing key " + stem +
					".key for this client certificate (a CA certificate must end in .crt)")}
			}
			files.pairs = append(files.pairs, keyPair{path, filepath.Join(directory, stem+".key")})
		case ".key":
			if !slices.Contains(names, stem+".cert") {
				return files, &CertificateError{host, path, errors.New("missing client certificate " + stem +
					".cert for this key")}
			}
		}
	}
	return files, nil
}
