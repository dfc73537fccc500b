package release

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// maxUnpacked bounds what one packed piece may grow to in memory.
const maxUnpacked = 64 << 20

// pack compresses; the frame carries a checksum, by which unpack notices damage.
func pack(raw []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("compressing a record: %w", err)
	}
	defer enc.Close()
	return enc.EncodeAll(raw, nil), nil
}

func unpack(packed []byte) ([]byte, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("decompressing a record: %w", err)
	}
	defer dec.Close()
	if len(packed) == 0 {
		return nil, errors.New("decompressing a record: it is empty")
	}
	raw, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("decompressing a record: %w", err)
	}
	return raw, nil
}
