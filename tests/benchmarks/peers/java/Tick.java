import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** What a fold needs of a Tick record; read by hand, which is faster than Avro's generic reader. */
record Tick(long time, double price, double size) {
    /** The tick of a framed record, null for a record of any other type. */
    static Tick read(byte[] value, int id) {
        if (value == null || value.length < 6) {
            return null;
        }
        ByteBuffer in = ByteBuffer.wrap(value);
        if (in.get() != 0 || in.getInt() != id) {
            return null;
        }
        in.order(ByteOrder.LITTLE_ENDIAN);
        int name = (int) varint(in);
        in.position(in.position() + name);
        long time = varint(in);
        varint(in);
        double price = in.getDouble();
        return new Tick(time, price, varint(in) == 1 ? in.getDouble() : 0.0);
    }

    /** A long in Avro's variable-length zigzag form. */
    static long varint(ByteBuffer in) {
        long bits = 0;
        int shift = 0;
        long part;
        do {
            part = in.get();
            bits |= (part & 0x7f) << shift;
            shift += 7;
        } while (part < 0);
        return (bits >>> 1) ^ -(bits & 1);
    }

    /** Writes a long in Avro's form. */
    static void varint(ByteBuffer out, long value) {
        long bits = (value << 1) ^ (value >> 63);
        while ((bits & ~0x7fL) != 0) {
            out.put((byte) ((bits & 0x7f) | 0x80));
            bits >>>= 7;
        }
        out.put((byte) bits);
    }

    /** Writes a string in Avro's form. */
    static void text(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        varint(out, bytes.length);
        out.put(bytes);
    }
}
