import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** A bar that is being folded. */
final class Bar {
    static final long MINUTE = 60_000_000_000L;
    static final long SECOND = 1_000_000_000L;

    long start = -1;
    double open;
    double high;
    double low;
    double close;
    double volume;
    long trades;

    /** Takes a tick in log order. */
    Bar add(Tick tick, long length) {
        if (trades == 0) {
            start = tick.time() / length * length;
            open = high = low = tick.price();
        }
        high = Math.max(high, tick.price());
        low = Math.min(low, tick.price());
        close = tick.price();
        volume += tick.size();
        trades++;
        return this;
    }

    /** As a store keeps it. */
    byte[] state() {
        ByteBuffer out = ByteBuffer.allocate(56);
        out.putLong(start).putDouble(open).putDouble(high).putDouble(low).putDouble(close);
        return out.putDouble(volume).putLong(trades).array();
    }

    /** From what a store kept; null for nothing. */
    static Bar of(byte[] state) {
        if (state == null) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(state);
        Bar bar = new Bar();
        bar.start = in.getLong();
        bar.open = in.getDouble();
        bar.high = in.getDouble();
        bar.low = in.getDouble();
        bar.close = in.getDouble();
        bar.volume = in.getDouble();
        bar.trades = in.getLong();
        return bar;
    }

    static Serde<Bar> serde() {
        return Serdes.serdeFrom((topic, bar) -> bar == null ? null : bar.state(), (topic, state) -> of(state));
    }

    /** A framed Avro record, see bars.py; its time is the bar's, or that of the tick it tells of. */
    byte[] record(String symbol, long time) {
        ByteBuffer out = ByteBuffer.allocate(128 + 3 * symbol.length());
        out.put((byte) 0).putInt(1).order(ByteOrder.LITTLE_ENDIAN);
        Tick.text(out, symbol);
        Tick.varint(out, time);
        out.putDouble(open).putDouble(high).putDouble(low).putDouble(close).putDouble(volume);
        Tick.varint(out, trades);
        return Arrays.copyOf(out.array(), out.position());
    }
}
