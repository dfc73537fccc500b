package release

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxUnpacked bounds what one packed piece may grow to in memory.
	maxUnpacked = 64 << 20
	// smallRecord is up to where the encoder's tables would cost more than the
	// compression, if they were of the usual size.
	smallRecord = 128 << 10
)

// pack compresses; the frame carries a checksum, by which unpack notices damage.
func pack(raw []byte) ([]byte, error) {
	options := []zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true)}
	if len(raw) <= smallRecord {
		options = append(options, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithWindowSize(smallRecord), zstd.WithLowerEncoderMem(true))
	}
	enc, err := zstd.NewWriter(nil, options...)
	if err != nil {
		return nil, fmt.Errorf("compressing a record: %w", err)
	}
	packed := enc.EncodeAll(raw, nil)
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("compressing a record: %w", err)
	}
	return packed, nil
}

func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errors.New("decompressing a record: it is empty")
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("decompressing a record: %w", err)
	}
	defer dec.Close()
	raw, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("decompressing a record: %w", err)
	}
	return raw, nil
}
