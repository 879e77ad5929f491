package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// maxLinks is how many symbolic links in a row are followed.
const maxLinks = 40

// editConfigFile changes a configuration file, or leaves it alone when nothing
// was changed. Others who edit it this way wait meanwhile; docker and podman do
// not, which is why the file is read again just before.
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
	f, problem := change(f)
	if !f.changed {
		return problem
	}
	if err := replaceFile(target, f.encode()); err != nil {
		err = fmt.Errorf("writing the registry configuration %s: %w", name, err)
		return errors.Join(problem, err)
	}
	return problem
}

// followLinks is the file that a name stands for in the end, which need not
// exist. It is the one to replace, so that a link stays a link.
func followLinks(name string) (string, error) {
	for range maxLinks {
		info, err := os.Lstat(name)
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			return name, nil // what is wrong with it, if anything, shows on reading
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

// replaceFile puts a new file, readable by its owner alone, in the place of an
// old one in one step.
func replaceFile(name string, data []byte) error {
	dir := filepath.Dir(name)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // in vain once it is renamed
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
