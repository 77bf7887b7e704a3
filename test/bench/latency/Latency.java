import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Java's own producer: TOPIC SIZE RATE WARM_UP_SECONDS SECONDS PROPERTY=VALUE... Sends RATE records a second, whatever becomes of them, and
 * tells how long after the moment when each should have been sent its ack came. With rate 0 it sends as much as goes.
 */
public class Latency {
    static final AtomicLong acked = new AtomicLong();

    public static void main(String[] args) {
        String topic = args[0];
        byte[] value = "x".repeat(Integer.parseInt(args[1])).getBytes();
        double rate = Double.parseDouble(args[2]), warmUp = Double.parseDouble(args[3]), seconds = Double.parseDouble(args[4]);
        Properties properties = new Properties();
        for (int i = 5; i < args.length; i++) {
            String[] parts = args[i].split("=", 2);
            properties.put(parts[0], parts[1]);
        }
        var record = new ProducerRecord<byte[], byte[]>(topic, value);
        String figures;
        try (var producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            figures = rate == 0 ? most(producer, record, warmUp, seconds) : latency(producer, record, rate, warmUp, seconds);
        }
        System.out.println("{" + figures + "}");
    }

    static String most(
            KafkaProducer<byte[], byte[]> producer, ProducerRecord<byte[], byte[]> record, double warmUp, double seconds) {
        long start = System.nanoTime(), begin = start + (long) (warmUp * 1e9), end = begin + (long) (seconds * 1e9);
        while (System.nanoTime() < begin) send(producer, record);
        long before = acked.get(), from = System.nanoTime();
        while (System.nanoTime() < end) send(producer, record);
        return "\"rate\":" + (acked.get() - before) * 1e9 / (System.nanoTime() - from);
    }

    static void send(KafkaProducer<byte[], byte[]> producer, ProducerRecord<byte[], byte[]> record) {
        // Time is asked for once a hundred records.
        for (int i = 0; i < 100; i++)
            producer.send(record, (metadata, error) -> {
                if (error != null) throw new IllegalStateException(error);
                acked.incrementAndGet();
            });
    }

    static String latency(
            KafkaProducer<byte[], byte[]> producer,
            ProducerRecord<byte[], byte[]> record,
            double rate,
            double warmUp,
            double seconds) {
        int first = (int) (rate * warmUp), total = first + (int) (rate * seconds);
        long[] latencies = new long[total];
        double nanos = 1e9 / rate;
        long start = System.nanoTime();
        for (int next = 0; next < total; ) {
            long now = System.nanoTime();
            for (; next < total && start + (long) (next * nanos) <= now; next++) {
                int number = next;
                long due = start + (long) (next * nanos);
                producer.send(record, (metadata, error) ->
                        latencies[number] = error == null ? System.nanoTime() - due : Long.MAX_VALUE);
            }
            // What is due in the next ms goes together: the same timer as the programs in JavaScript have.
            LockSupport.parkNanos(1_000_000);
        }
        producer.flush();
        long[] sorted = Arrays.copyOfRange(latencies, first, total);
        Arrays.sort(sorted);
        StringBuilder text = new StringBuilder("\"percentiles\":[");
        for (double p : new double[] {0.5, 0.99, 0.999, 1})
            text.append(p == 0.5 ? "" : ",").append(sorted[(int) Math.min(sorted.length - 1, sorted.length * p)] / 1e6);
        return text + "]";
    }
}
