package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// maxLinks is how many symbolic links are followed for one file.
const maxLinks = 40

// editConfigFile changes a configuration file under a lock, or does not write it if nothing was
// changed. Docker and podman do not use the lock, so the file is read just before it is changed.
func editConfigFile(ctx context.Context, name string, change func(configFile) (configFile, error)) error {
	target, err := followLinks(name)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("writing the registry configuration: %w", err)
	}
	unlock, err := lockDir(ctx, dir)
	if err != nil {
		return fmt.Errorf("locking the registry configuration %s: %w", name, err)
	}
	defer unlock()
	f, err := readConfigFile(target)
	if err != nil {
		return err
	}
	f.name = name
	f, changeErr := change(f)
	if !f.changed {
		return changeErr
	}
	if err := replaceFile(target, f.encode()); err != nil {
		err = fmt.Errorf("writing the registry configuration %s: %w", name, err)
		return errors.Join(changeErr, err)
	}
	return changeErr
}

// followLinks returns the file that a name refers to after all symbolic links, which need not
// exist. Replacing that file keeps the links.
func followLinks(name string) (string, error) {
	for range maxLinks {
		info, err := os.Lstat(name)
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			return name, nil // an error comes again when the file is read
		}
		target, err := os.Readlink(name)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(name), target)
		}
		name = target
	}
	return "", fmt.Errorf("%s: too many symbolic links", name)
}

// replaceFile replaces a file atomically with one of mode 0600.
func replaceFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // fails if it was renamed
	if err := writeAndSync(temp, data); err != nil {
		return err
	}
	keepOwner(temp.Name(), name)
	if err := os.Rename(temp.Name(), name); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

func writeAndSync(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
