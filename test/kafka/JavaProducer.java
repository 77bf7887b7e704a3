import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Properties;
import java.util.Scanner;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Java's own producer: BROKERS TOPIC COMPRESSION, and keys in hexadecimal on standard input; prints key, partition and offset. */
public class JavaProducer {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("compression.type", args[2]);
        properties.put("linger.ms", "20");
        HexFormat hex = HexFormat.of();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            Scanner keys = new Scanner(System.in);
            while (keys.hasNextLine()) {
                String key = keys.nextLine();
                byte[] value = ("value of " + key).repeat(20).getBytes(StandardCharsets.UTF_8);
                producer.send(new ProducerRecord<>(args[1], hex.parseHex(key), value), (metadata, error) -> {
                    if (error != null) throw new RuntimeException(error);
                    System.out.println(key + " " + metadata.partition() + " " + metadata.offset());
                });
            }
        }
    }
}
