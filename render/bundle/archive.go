package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds of an archive: what it may unpack to, as Helm bounds it, and into how
// many files.
const (
	maxArchive = 100 << 20
	maxFiles   = 20_000
)

var drive = regexp.MustCompile(`^[a-zA-Z]:/`)

var byteOrderMark = []byte("\xef\xbb\xbf")

// Unpack reads the files of a gzipped tar archive whose files are all in one
// folder, as charts are packed; their names are relative to it. A file that would
// be outside of it, and more than 100 MiB in all, are errors.
func Unpack(r io.Reader) ([]File, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, errors.New("it is not a gzipped archive")
	}
	defer unzipped.Close()
	var files []File
	rest := int64(maxArchive)
	for archive := tar.NewReader(unzipped); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the archive is broken: %w", err)
		}
		if head.FileInfo().IsDir() || head.Typeflag == tar.TypeXGlobalHeader || head.Typeflag == tar.TypeXHeader {
			continue
		}
		name, err := nameInArchive(head.Name)
		if err != nil {
			return nil, err
		}
		if rest -= head.Size; rest < 0 {
			return nil, fmt.Errorf("it unpacks to more than %d MiB", maxArchive>>20)
		}
		if len(files) == maxFiles {
			return nil, fmt.Errorf("there are more than %d files in it", maxFiles)
		}
		data := make([]byte, 0, min(head.Size, 1<<20)+bytes.MinRead)
		text := bytes.NewBuffer(data)
		if _, err := text.ReadFrom(archive); err != nil { // at most head.Size
			return nil, fmt.Errorf("the archive is broken: %w", err)
		}
		data = text.Bytes()
		files = append(files, File{Name: name, Data: bytes.TrimPrefix(data, byteOrderMark)})
	}
	if len(files) == 0 {
		return nil, errors.New("there is nothing in the archive")
	}
	return sorted(files), nil
}

// sorted sorts files by name; of two of one name the later one counts.
func sorted(files []File) []File {
	slices.Reverse(files)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(files, func(a, b File) bool { return a.Name == b.Name })
}

// nameInArchive is a file's name without the folder that holds all.
func nameInArchive(full string) (string, error) {
	slashed := strings.ReplaceAll(full, `\`, "/")
	top, name, _ := strings.Cut(slashed, "/")
	if top == ChartFile {
		return "", errors.New("its files are not in a folder")
	}
	clean := path.Clean(name)
	if top == "" || path.IsAbs(name) || clean == "." || strings.HasPrefix(clean, "..") || drive.MatchString(clean) {
		return "", fmt.Errorf("%q is outside of the archive's folder", full)
	}
	return clean, nil
}
