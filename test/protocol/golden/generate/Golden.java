import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.File;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.DefaultRecordBatch;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.Records;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.common.utils.Utils;

/**
 * Makes golden bytes with Kafka's own classes. See ../README.md.
 *
 *   messages CASES OUT   serialises every case in every version of its API
 *   decode FRAMES OUT    adds to captured frames what Kafka's classes read in them
 *   batches CASES OUT    builds every record batch
 *   errors OUT           lists the error codes
 */
public class Golden {
    static final ObjectMapper JSON = new ObjectMapper();
    static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    static final String TAGGED_FIELDS = "_tagged_fields";
    /** The tagged fields that the library reads and writes, by message. */
    static final Map<String, Set<String>> KNOWN_TAGS = Map.of(
        "ProduceResponseData", Set.of("currentLeader", "nodeEndpoints"),
        "ApiVersionsResponseData", Set.of("finalizedFeatures"));
    static final int CORRELATION_ID = 0x01020304;
    static final String CLIENT_ID = "golden";

    /** The names of fields, without the tagged ones, that a message has in at least one version. */
    static final class Shape extends TreeMap<String, Shape> { }

    public static void main(String[] args) throws Exception {
        File out = new File(args[args.length - 1]);
        switch (args[0]) {
            case "messages" -> write(out, messages(JSON.readTree(new File(args[1]))));
            case "decode" -> write(out, decode(JSON.readTree(new File(args[1]))));
            case "batches" -> write(out, batches(JSON.readTree(new File(args[1]))));
            case "errors" -> write(out, errors());
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    static void write(File out, JsonNode value) throws Exception {
        JSON.writerWithDefaultPrettyPrinter().writeValue(out, value);
    }

    static ObjectNode messages(JsonNode input) throws Exception {
        ObjectNode headers = NODES.objectNode();
        ArrayNode cases = NODES.arrayNode();
        for (JsonNode one : input.get("cases")) {
            String api = one.get("api").asText();
            String direction = one.get("direction").asText();
            Class<?> type = dataClass(api, direction);
            JsonNode scope = input.get("versions").get(api);
            Shape shape = shape(type, scope);
            boolean tagged = one.has("tagged");
            boolean skipped = "skipped".equals(one.path("tagged").asText());
            JsonNode range = one.has("versions") ? one.get("versions") : scope;
            // Versions that mean the same are one row; those that have the same bytes as well are one entry in it.
            ObjectNode row = null;
            String first = null;
            for (int version = range.get(0).asInt(); version <= range.get(1).asInt(); version++) {
                ApiMessage message = fromJson(type, one.get("fields"), version, tagged);
                byte[] body = bytes(message, version);
                ObjectNode fields = (ObjectNode) dump(read(type, ByteBuffer.wrap(body), version), shape);
                if (row == null || !row.get("fields").equals(fields)) {
                    row = NODES.objectNode().put("api", api).put("direction", direction).put("name", one.get("name").asText());
                    if (skipped) row.put("tagged", true);
                    row.set("fields", fields);
                    row.set("bytes", NODES.objectNode());
                    cases.add(row);
                    first = null;
                }
                ObjectNode entries = (ObjectNode) row.get("bytes");
                String hex = HexFormat.of().formatHex(body);
                String previous = first == null ? null : rangeFrom(first, version - 1);
                if (previous != null && entries.get(previous).asText().equals(hex)) {
                    entries.remove(previous);
                } else {
                    first = String.valueOf(version);
                }
                entries.put(rangeFrom(first, version), hex);
            }
            ObjectNode apiHeaders = headers.withObject("/" + api);
            if (!apiHeaders.has(direction)) apiHeaders.set(direction, headers(api, direction, scope));
        }
        ObjectNode result = NODES.objectNode().put("madeBy", "kafka-clients " + AppInfoParser.getVersion());
        result.put("correlationId", CORRELATION_ID).put("clientId", CLIENT_ID);
        result.set("headers", headers);
        result.set("cases", cases);
        return result;
    }

    static String rangeFrom(String first, int last) {
        return first.equals(String.valueOf(last)) ? first : first + "-" + last;
    }

    static ObjectNode headers(String api, String direction, JsonNode scope) {
        ObjectNode byVersion = NODES.objectNode();
        ApiMessageType type = apiType(api);
        for (int version = scope.get(0).asInt(); version <= scope.get(1).asInt(); version++) {
            byte[] header = direction.equals("request")
                ? bytes(new RequestHeaderData().setRequestApiKey(type.apiKey()).setRequestApiVersion((short) version)
                    .setCorrelationId(CORRELATION_ID).setClientId(CLIENT_ID), type.requestHeaderVersion((short) version))
                : bytes(new ResponseHeaderData().setCorrelationId(CORRELATION_ID), type.responseHeaderVersion((short) version));
            byVersion.put(String.valueOf(version), HexFormat.of().formatHex(header));
        }
        return byVersion;
    }

    static ArrayNode decode(JsonNode input) throws Exception {
        ArrayNode out = NODES.arrayNode();
        for (JsonNode one : input.get("frames")) {
            String api = one.get("api").asText();
            String direction = one.get("direction").asText();
            int version = one.get("version").asInt();
            ByteBuffer frame = ByteBuffer.wrap(HexFormat.of().parseHex(one.get("frame").asText()));
            int size = frame.getInt();
            if (size != frame.remaining()) throw new IllegalStateException("a frame of another size: " + one);
            ApiMessageType type = apiType(api);
            ObjectNode row = NODES.objectNode();
            row.set("madeBy", one.get("madeBy"));
            row.put("api", api).put("direction", direction).put("version", version);
            if (direction.equals("request")) {
                RequestHeaderData header = new RequestHeaderData(new ByteBufferAccessor(frame), type.requestHeaderVersion((short) version));
                row.put("correlationId", header.correlationId()).put("clientId", header.clientId());
            } else {
                ResponseHeaderData header = new ResponseHeaderData(new ByteBufferAccessor(frame), type.responseHeaderVersion((short) version));
                row.put("correlationId", header.correlationId());
            }
            Class<?> data = dataClass(api, direction);
            int bodyVersion = one.has("bodyVersion") ? one.get("bodyVersion").asInt() : version;
            Object message = read(data, frame, bodyVersion);
            JsonNode json = (JsonNode) Class.forName(data.getName() + "JsonConverter")
                .getMethod("write", data, short.class).invoke(null, message, (short) bodyVersion);
            if (hasTagged(json, schemas(data)[bodyVersion])) row.put("tagged", true);
            row.set("fields", dump(message, shape(data, input.get("versions").get(api))));
            if (frame.hasRemaining()) throw new IllegalStateException("bytes left: " + one);
            row.set("frame", one.get("frame"));
            out.add(row);
        }
        return out;
    }

    static ObjectNode batches(JsonNode input) {
        ArrayNode rows = NODES.arrayNode();
        for (JsonNode one : input.get("batches")) {
            TimestampType timestampType = one.path("logAppendTime").isMissingNode() ? TimestampType.CREATE_TIME : TimestampType.LOG_APPEND_TIME;
            Compression compression = switch (one.path("compression").asText("none")) {
                case "snappy" -> Compression.snappy().build();
                case "gzip" -> Compression.gzip().build();
                default -> Compression.NONE;
            };
            MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(256), RecordBatch.MAGIC_VALUE_V2, compression,
                timestampType, int64(one.path("baseOffset").asText("0n")), int64(one.path("logAppendTime").asText("-1n")),
                int64(one.path("producerId").asText("-1n")), (short) one.path("producerEpoch").asInt(-1), one.path("baseSequence").asInt(-1),
                one.path("transactional").asBoolean(), one.path("partitionLeaderEpoch").asInt(-1));
            for (JsonNode record : one.get("records")) {
                List<Header> headers = new ArrayList<>();
                for (JsonNode header : record.path("headers")) headers.add(new RecordHeader(header.get(0).asText(), binary(header.get(1))));
                builder.append(int64(record.get("timestamp").asText()), binary(record.path("key")), binary(record.path("value")),
                    headers.toArray(new Header[0]));
            }
            MemoryRecords records = builder.build();
            byte[] bytes = Utils.toArray(records.buffer());
            DefaultRecordBatch batch = (DefaultRecordBatch) records.batches().iterator().next();
            ObjectNode fields = NODES.objectNode();
            fields.put("baseOffset", batch.baseOffset() + "n").put("batchLength", batch.sizeInBytes() - Records.LOG_OVERHEAD);
            fields.put("partitionLeaderEpoch", batch.partitionLeaderEpoch()).put("magic", batch.magic());
            fields.put("crc", batch.checksum()).put("crcValid", batch.isValid());
            fields.put("attributes", batch.compressionType().id | (batch.timestampType() == TimestampType.LOG_APPEND_TIME ? 8 : 0)
                | (batch.isTransactional() ? 16 : 0) | (batch.isControlBatch() ? 32 : 0));
            fields.put("compression", batch.compressionType().id).put("lastOffsetDelta", (int) (batch.lastOffset() - batch.baseOffset()));
            fields.put("baseTimestamp", batch.baseTimestamp() + "n").put("maxTimestamp", batch.maxTimestamp() + "n");
            fields.put("producerId", batch.producerId() + "n").put("producerEpoch", batch.producerEpoch());
            fields.put("baseSequence", batch.baseSequence()).put("recordCount", batch.countOrNull());
            ArrayNode decoded = NODES.arrayNode();
            for (Record record : batch) {
                ObjectNode item = NODES.objectNode().put("offset", record.offset() + "n").put("timestamp", record.timestamp() + "n");
                item.set("key", hex(record.key()));
                item.set("value", hex(record.value()));
                ArrayNode headers = item.putArray("headers");
                for (Header header : record.headers()) {
                    headers.add(NODES.arrayNode().add(header.key()).add(hex(header.value() == null ? null : ByteBuffer.wrap(header.value()))));
                }
                decoded.add(item);
            }
            ObjectNode row = NODES.objectNode().put("name", one.get("name").asText());
            row.set("fields", fields);
            row.set("records", decoded);
            row.put("bytes", HexFormat.of().formatHex(bytes));
            rows.add(row);
        }
        ObjectNode result = NODES.objectNode().put("madeBy", "kafka-clients " + AppInfoParser.getVersion());
        result.set("batches", rows);
        return result;
    }

    static long int64(String text) {
        return Long.parseLong(text.substring(0, text.length() - 1));
    }

    /** A string as UTF-8, "hex:..." as bytes, "repeat:3:ab" as "ababab", null and nothing as null. */
    static byte[] binary(JsonNode value) {
        if (!value.isTextual()) return null;
        String text = value.asText();
        if (text.startsWith("repeat:")) {
            String[] parts = text.split(":", 3);
            return parts[2].repeat(Integer.parseInt(parts[1])).getBytes(StandardCharsets.UTF_8);
        }
        return text.startsWith("hex:") ? HexFormat.of().parseHex(text.substring(4)) : text.getBytes(StandardCharsets.UTF_8);
    }

    static JsonNode hex(ByteBuffer value) {
        if (value == null) return NODES.nullNode();
        byte[] bytes = Utils.toArray(value);
        String text = new String(bytes, StandardCharsets.UTF_8);
        for (int period = 1; period <= 8 && bytes.length > 500; period++) {
            String repeated = text.substring(0, period).repeat(bytes.length / period);
            if (text.equals(repeated)) return NODES.textNode("repeat:" + bytes.length / period + ":" + text.substring(0, period));
        }
        return NODES.textNode("hex:" + HexFormat.of().formatHex(bytes));
    }

    static ArrayNode errors() {
        ArrayNode rows = NODES.arrayNode();
        for (Errors error : Errors.values()) {
            rows.add(NODES.objectNode().put("code", error.code()).put("name", error.name())
                .put("retriable", error.exception() instanceof RetriableException));
        }
        return rows;
    }

    static ApiMessageType apiType(String api) {
        for (ApiMessageType type : ApiMessageType.values()) if (type.name.equals(api)) return type;
        throw new IllegalArgumentException(api);
    }

    static Class<?> dataClass(String api, String direction) throws Exception {
        String suffix = direction.equals("request") ? "RequestData" : "ResponseData";
        return Class.forName("org.apache.kafka.common.message." + api + suffix);
    }

    static Schema[] schemas(Class<?> type) throws Exception {
        return (Schema[]) type.getField("SCHEMAS").get(null);
    }

    static ApiMessage fromJson(Class<?> type, JsonNode fields, int version, boolean tagged) throws Exception {
        JsonNode input = prune(fields, schemas(type)[version], tagged);
        return (ApiMessage) Class.forName(type.getName() + "JsonConverter")
            .getMethod("read", JsonNode.class, short.class).invoke(null, input, (short) version);
    }

    static Object read(Class<?> type, ByteBuffer bytes, int version) throws Exception {
        return type.getConstructor(Readable.class, short.class).newInstance(new ByteBufferAccessor(bytes), (short) version);
    }

    static byte[] bytes(ApiMessage message, int version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, (short) version));
        message.write(new ByteBufferAccessor(buffer), cache, (short) version);
        return buffer.array();
    }

    /**
     * Leaves out what a version does not have, and turns our notation into the one of Kafka's JSON converters. With
     * `tagged`, fields that are not in the schema stay: they are tagged ones.
     */
    static JsonNode prune(JsonNode value, Type type, boolean tagged) {
        if (value.isArray()) {
            Type element = type == null ? null : type.arrayElementType().orElseThrow();
            ArrayNode array = NODES.arrayNode();
            for (JsonNode item : value) array.add(prune(item, element, tagged));
            return array;
        }
        if (value.isObject()) {
            Map<String, Type> known = type == null ? Map.of() : fieldTypes((Schema) type);
            for (String name : known.keySet()) {
                if (!value.has(name)) throw new IllegalArgumentException("no " + name + " in " + value);
            }
            ObjectNode object = NODES.objectNode();
            for (Map.Entry<String, JsonNode> field : value.properties()) {
                if (!tagged && !known.containsKey(field.getKey())) continue;
                object.set(field.getKey(), prune(field.getValue(), known.get(field.getKey()), tagged));
            }
            return object;
        }
        if (value.isTextual()) {
            String text = value.asText();
            if (text.matches("-?\\d+n")) return LongNode.valueOf(Long.parseLong(text.substring(0, text.length() - 1)));
            if (text.startsWith("hex:")) return BinaryNode.valueOf(HexFormat.of().parseHex(text.substring(4)));
            if (text.startsWith("uuid:")) {
                ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(text.substring(5)));
                return TextNode.valueOf(new Uuid(bytes.getLong(), bytes.getLong()).toString());
            }
        }
        return value;
    }

    /** Whether a tagged field is set: Kafka's converters leave those out that have their default value. */
    static boolean hasTagged(JsonNode value, Type type) {
        if (type == null) return true;
        if (value.isArray()) {
            for (JsonNode item : value) if (hasTagged(item, type.arrayElementType().orElseThrow())) return true;
        }
        if (value.isObject()) {
            Map<String, Type> known = fieldTypes((Schema) type);
            for (Map.Entry<String, JsonNode> field : value.properties()) {
                if (hasTagged(field.getValue(), known.get(field.getKey()))) return true;
            }
        }
        return false;
    }

    static Shape shape(Class<?> type, JsonNode scope) throws Exception {
        Shape shape = new Shape();
        Set<String> tags = KNOWN_TAGS.getOrDefault(type.getSimpleName(), Set.of());
        for (int version = scope.get(0).asInt(); version <= scope.get(1).asInt(); version++) merge(shape, schemas(type)[version], tags);
        return shape;
    }

    static void merge(Shape shape, Type type, Set<String> tags) {
        if (type.arrayElementType().isPresent()) merge(shape, type.arrayElementType().get(), tags);
        if (!(type instanceof Schema schema)) return;
        Map<String, Type> fields = fieldTypes(schema);
        fields.putAll(taggedTypes(schema, tags));
        for (Map.Entry<String, Type> field : fields.entrySet()) {
            merge(shape.computeIfAbsent(field.getKey(), name -> new Shape()), field.getValue(), tags);
        }
    }

    /** The fields of a version that are not tagged. */
    static Map<String, Type> fieldTypes(Schema schema) {
        Map<String, Type> types = new TreeMap<>();
        for (BoundField field : schema.fields()) {
            if (!field.def.name.equals(TAGGED_FIELDS)) types.put(camelCase(field.def.name), field.def.type);
        }
        return types;
    }

    static Map<String, Type> taggedTypes(Schema schema, Set<String> known) {
        Map<String, Type> types = new TreeMap<>();
        for (BoundField field : schema.fields()) {
            if (!(field.def.type instanceof TaggedFields section)) continue;
            for (org.apache.kafka.common.protocol.types.Field tagged : section.fields().values()) {
                if (known.contains(camelCase(tagged.name))) types.put(camelCase(tagged.name), tagged.type);
            }
        }
        return types;
    }

    static String camelCase(String snake) {
        StringBuilder camel = new StringBuilder();
        for (String word : snake.split("_")) {
            camel.append(camel.isEmpty() ? word.substring(0, 1) : word.substring(0, 1).toUpperCase()).append(word.substring(1));
        }
        return camel.toString();
    }

    /** A message object's fields, in the order of its class: int64 as "1n", bytes as "hex:00", uuids as "uuid:00". */
    static JsonNode dump(Object value, Shape shape) throws Exception {
        if (value == null) return NODES.nullNode();
        if (value instanceof String text) return NODES.textNode(text);
        if (value instanceof Boolean flag) return NODES.booleanNode(flag);
        if (value instanceof Long number) return NODES.textNode(number + "n");
        if (value instanceof Number number) return NODES.numberNode(number.intValue());
        if (value instanceof byte[] bytes) return NODES.textNode("hex:" + HexFormat.of().formatHex(bytes));
        if (value instanceof MemoryRecords records) return dump(records.buffer(), shape);
        if (value instanceof ByteBuffer buffer) {
            byte[] bytes = new byte[buffer.remaining()];
            buffer.duplicate().get(bytes);
            return dump(bytes, shape);
        }
        if (value instanceof Uuid id) {
            return NODES.textNode("uuid:" + HexFormat.of().toHexDigits(id.getMostSignificantBits())
                + HexFormat.of().toHexDigits(id.getLeastSignificantBits()));
        }
        if (value instanceof Iterable<?> items) {
            ArrayNode array = NODES.arrayNode();
            for (Object item : items) array.add(dump(item, shape));
            return array;
        }
        ObjectNode object = NODES.objectNode();
        for (Field field : value.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || !shape.containsKey(field.getName())) continue;
            field.setAccessible(true);
            object.set(field.getName(), dump(field.get(value), shape.get(field.getName())));
        }
        if (object.size() != shape.size()) throw new IllegalStateException(value.getClass() + " lacks some of " + shape.keySet());
        return object;
    }
}
