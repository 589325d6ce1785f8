import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;

/**
 * Ticks to 1m bars as Kafka Streams' documentation would have it.
 *
 * <p>Bars MODE BROKER TOPIC OUTPUT SCHEMA-ID TICKS EVERY [LINGER]: MODE is store (a processor over a store in
 * memory), logged (the same with its changelog), all (as store; bars of seconds and forming ones go out too, to
 * OUTPUT-beside) or forming (as logged, from now on, the producer waiting LINGER ms for company; forming bars go
 * out, and those of seconds and minutes to OUTPUT-beside). Ends after so many ticks.
 */
public final class Bars {
    static final String FIRST = "first";
    static final String BESIDE = "beside";

    private Bars() {}

    public static void main(String[] args) throws InterruptedException {
        String mode = args[0];
        int id = Integer.parseInt(args[4]);
        long ticks = Long.parseLong(args[5]);
        Progress progress = new Progress(Long.parseLong(args[6]));
        Topology topology = topology(args[2], args[3], id, progress, mode);
        Properties settings = settings(args[1], args[3]);
        if (mode.equals("forming")) {
            settings.put("auto.offset.reset", "latest");
            settings.put(StreamsConfig.producerPrefix("linger.ms"), args[7]);
        }
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.start();
        while (progress.count() < ticks && streams.state() != KafkaStreams.State.ERROR) {
            Thread.sleep(5);
        }
        streams.close();
        System.exit(progress.count() < ticks ? 1 : 0);
    }

    static Properties settings(String broker, String name) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir"));
        settings.put("auto.offset.reset", "earliest");
        return settings;
    }

    static Topology topology(String topic, String output, int id, Progress progress, String mode) {
        var store = Stores.keyValueStoreBuilder(
            Stores.inMemoryKeyValueStore(Fold.STORE), Serdes.String(), Bar.serde());
        store = mode.equals("store") || mode.equals("all") ? store.withLoggingDisabled() : store.withLoggingEnabled(Map.of());
        Fold.Wanted wanted = switch (mode) {
            case "forming" -> Fold.Wanted.FORMING;
            case "all" -> Fold.Wanted.ALL;
            default -> Fold.Wanted.MINUTES;
        };
        Topology topology = new Topology();
        topology.addSource("ticks", new StringDeserializer(), new ByteArrayDeserializer(), topic);
        topology.addProcessor("fold", () -> new Fold(id, progress, wanted), "ticks");
        topology.addStateStore(store, "fold");
        topology.addSink(FIRST, output, new StringSerializer(), new ByteArraySerializer(), "fold");
        if (wanted != Fold.Wanted.MINUTES) {
            topology.addSink(BESIDE, output + "-beside", new StringSerializer(), new ByteArraySerializer(), "fold");
        }
        return topology;
    }
}
