// The Go client franz-go. All records share one value, as in the programs in JavaScript. Each is recreated, or, with the
// second argument "pooled", comes from a pool and goes back to it when it is acked, as in franz-go's own examples/bench.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// As in program.mjs.
type settings struct {
	Brokers     []string
	Topic       string
	Partitions  int
	Records     int
	Size        int
	BatchBytes  int
	LingerMs    int
	BufferBytes int
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var s settings
	fail(json.Unmarshal([]byte(os.Args[1]), &s))
	maxRecords := s.BufferBytes / s.Size
	linger := time.Duration(s.LingerMs) * time.Millisecond
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.Brokers...),
		kgo.DefaultProduceTopic(s.Topic),
		kgo.AllowAutoTopicCreation(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(int32(s.BatchBytes)),
		// One batch of each partition, and the request around them.
		kgo.BrokerMaxWriteBytes(int32(s.Partitions*s.BatchBytes+1<<16)),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(linger),
		kgo.MaxBufferedRecords(maxRecords),
		// Fills one batch after the other, as the other producers do.
		kgo.RecordPartitioner(kgo.StickyPartitioner()),
	)
	fail(err)

	value := make([]byte, s.Size)
	for i := range value {
		value[i] = 'x'
	}
	pool := sync.Pool{New: func() any { return kgo.SliceRecord(value) }}
	pooled := len(os.Args) > 2 && os.Args[2] == "pooled"
	var acked atomic.Int64
	promise := func(record *kgo.Record, err error) {
		fail(err)
		if pooled {
			pool.Put(record)
		}
		acked.Add(1)
	}
	ctx := context.Background()
	for range s.Records {
		if pooled {
			client.Produce(ctx, pool.Get().(*kgo.Record), promise)
		} else {
			client.Produce(ctx, kgo.SliceRecord(value), promise)
		}
	}
	fail(client.Flush(ctx))
	client.Close()
	if int(acked.Load()) != s.Records {
		fail(fmt.Errorf("%d of %d records were acked", acked.Load(), s.Records))
	}

	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	configuration := fmt.Sprintf("idempotent (default, 5 in flight), AllISRAcks, ProducerBatchMaxBytes(%d), ProducerLinger(%v), "+
		"MaxBufferedRecords(%d), StickyPartitioner, NoCompression, records pooled: %v", s.BatchBytes, linger, maxRecords, pooled)
	report, err := json.Marshal(map[string]any{"configuration": configuration, "gcShare": memory.GCCPUFraction})
	fail(err)
	fmt.Println(string(report))
}
