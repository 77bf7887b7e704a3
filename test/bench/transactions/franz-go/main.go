// The Go client franz-go, with transactions or without. All records share one value.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// As in programs.ts.
type settings struct {
	Brokers        []string
	Topic          string
	Partitions     int
	Transactional  bool
	PerTransaction int
	Size           int
	BatchBytes     int
	LingerMs       int
	BufferBytes    int
	WarmUpMs       int
	MeasuredMs     int
	Commits        *struct{ WarmUp, Measured int }
}

type figures struct {
	Records      int64     `json:"records"`
	Transactions int64     `json:"transactions"`
	Rate         float64   `json:"rate,omitempty"`
	CPUMicros    float64   `json:"cpuMicros,omitempty"`
	Times        []float64 `json:"times,omitempty"`
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	s      settings
	client *kgo.Client
	value  []byte
	acked  atomic.Int64
	total  figures
	ctx    = context.Background()
)

func main() {
	fail(json.Unmarshal([]byte(os.Args[1]), &s))
	options := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.DefaultProduceTopic(s.Topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(int32(s.BatchBytes)),
		kgo.BrokerMaxWriteBytes(int32(s.Partitions*s.BatchBytes + 1<<16)),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(time.Duration(s.LingerMs) * time.Millisecond),
		kgo.MaxBufferedRecords(s.BufferBytes / s.Size),
		kgo.RecordPartitioner(kgo.StickyPartitioner()),
	}
	if s.Transactional {
		options = append(options, kgo.TransactionalID(fmt.Sprintf("bench-%d", os.Getpid())))
	}
	var err error
	client, err = kgo.NewClient(options...)
	fail(err)
	value = make([]byte, s.Size)
	for i := range value {
		value[i] = 'x'
	}
	if s.Commits != nil {
		latency()
	} else {
		throughput()
	}
	fail(client.Flush(ctx))
	client.Close()
	report, err := json.Marshal(total)
	fail(err)
	fmt.Println(string(report))
}

func throughput() {
	begin := time.Now()
	warm := begin.Add(time.Duration(s.WarmUpMs) * time.Millisecond)
	end := warm.Add(time.Duration(s.MeasuredMs) * time.Millisecond)
	var start time.Time
	var startRecords int64
	var startCPU time.Duration
	for {
		if s.Transactional {
			transaction()
		} else {
			produce()
		}
		now, done := time.Now(), acked.Load()
		if start.IsZero() && now.After(warm) {
			start, startRecords, startCPU = now, done, cpu()
		} else if !start.IsZero() && now.After(end) && done > startRecords {
			count := float64(done - startRecords)
			total.Rate = count / now.Sub(start).Seconds()
			total.CPUMicros = float64((cpu() - startCPU).Microseconds()) / count
			return
		}
	}
}

func latency() {
	for i := range s.Commits.WarmUp + s.Commits.Measured {
		start := time.Now()
		transaction()
		if i >= s.Commits.WarmUp {
			total.Times = append(total.Times, time.Since(start).Seconds()*1000)
		}
	}
}

func transaction() {
	fail(client.BeginTransaction())
	produce()
	fail(client.Flush(ctx))
	fail(client.EndTransaction(ctx, kgo.TryCommit))
	total.Transactions++
}

func produce() {
	for range s.PerTransaction {
		client.Produce(ctx, kgo.SliceRecord(value), func(_ *kgo.Record, err error) {
			fail(err)
			acked.Add(1)
		})
	}
	total.Records += int64(s.PerTransaction)
}

func cpu() time.Duration {
	var usage syscall.Rusage
	fail(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
