import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Java's own producer: TOPIC TRANSACTIONAL PER_TRANSACTION SIZE WARM_UP MEASURED UNIT PROPERTY=VALUE... The unit of what is measured is ms, or
 * "commits", which are awaited one by one.
 */
public class Transactions {
    static final AtomicLong acked = new AtomicLong();
    static KafkaProducer<byte[], byte[]> producer;
    static String topic;
    static byte[] value;
    static long records, transactions;

    public static void main(String[] args) {
        topic = args[0];
        boolean transactional = args[1].equals("true");
        int perTransaction = Integer.parseInt(args[2]);
        value = "x".repeat(Integer.parseInt(args[3])).getBytes();
        long warmUp = Long.parseLong(args[4]), measured = Long.parseLong(args[5]);
        Properties properties = new Properties();
        for (int i = 7; i < args.length; i++) {
            String[] parts = args[i].split("=", 2);
            properties.put(parts[0], parts[1]);
        }
        if (transactional) properties.put("transactional.id", "bench-" + ProcessHandle.current().pid());
        producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        if (transactional) producer.initTransactions();
        String figures = args[6].equals("commits")
                ? latency(perTransaction, warmUp, measured)
                : throughput(transactional, perTransaction, warmUp, measured);
        producer.close();
        System.out.println("{\"records\":" + records + ",\"transactions\":" + transactions + "," + figures + "}");
    }

    static String throughput(boolean transactional, int perTransaction, long warmUp, long measured) {
        long begin = System.nanoTime(), start = 0, startRecords = 0, startCpu = 0;
        while (true) {
            if (transactional) transaction(perTransaction);
            else send(perTransaction);
            long now = System.nanoTime(), done = acked.get();
            if (start == 0 && now > begin + warmUp * 1_000_000) {
                start = now;
                startRecords = done;
                startCpu = cpu();
            } else if (start != 0 && now > begin + (warmUp + measured) * 1_000_000 && done > startRecords) {
                double count = done - startRecords;
                return "\"rate\":" + count * 1e9 / (now - start) + ",\"cpuMicros\":" + (cpu() - startCpu) / 1e3 / count;
            }
        }
    }

    static String latency(int perTransaction, long warmUp, long measured) {
        List<Double> times = new ArrayList<>();
        for (int i = 0; i < warmUp + measured; i++) {
            long start = System.nanoTime();
            transaction(perTransaction);
            if (i >= warmUp) times.add((System.nanoTime() - start) / 1e6);
        }
        return "\"times\":" + times;
    }

    static void transaction(int count) {
        producer.beginTransaction();
        send(count);
        producer.commitTransaction();
        transactions++;
    }

    static void send(int count) {
        for (int i = 0; i < count; i++) {
            producer.send(new ProducerRecord<>(topic, value), (metadata, error) -> {
                if (error != null) throw new RuntimeException(error);
                acked.incrementAndGet();
            });
        }
        records += count;
    }

    static long cpu() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }
}
