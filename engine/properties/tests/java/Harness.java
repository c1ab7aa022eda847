// The other side of tests/java.rs: loads properties files with the real java.util.Properties.
//
// Reads frames from standard input until it ends: a length (four bytes, big endian), then that
// many bytes of a properties file. Answers each with a frame of ASCII: `refused`, or two lists
// of `key=value` ended by `;`, with a `|` between: every entry in the order in which load() put
// it, then what the Properties hold. Strings are hex, four digits a UTF-16 unit.

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;

public class Harness {
    private static final class Recording extends Properties {
        private static final long serialVersionUID = 1;
        private final StringBuilder puts = new StringBuilder();

        @Override
        public synchronized Object put(Object key, Object value) {
            entry(puts, key, value);
            return super.put(key, value);
        }
    }

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(System.out);
        while (true) {
            byte[] file;
            try {
                file = new byte[in.readInt()];
            } catch (EOFException end) {
                return;
            }
            in.readFully(file);
            byte[] answer = answer(file).getBytes(StandardCharsets.US_ASCII);
            out.writeInt(answer.length);
            out.write(answer);
            out.flush();
        }
    }

    private static String answer(byte[] file) throws IOException {
        Recording properties = new Recording();
        try {
            properties.load(new ByteArrayInputStream(file));
        } catch (IllegalArgumentException malformed) {
            return "refused";
        }
        StringBuilder answer = new StringBuilder(properties.puts).append('|');
        for (Map.Entry<Object, Object> entry : properties.entrySet()) {
            entry(answer, entry.getKey(), entry.getValue());
        }
        return answer.toString();
    }

    private static void entry(StringBuilder out, Object key, Object value) {
        hex(out, (String) key);
        out.append('=');
        hex(out, (String) value);
        out.append(';');
    }

    private static void hex(StringBuilder out, String text) {
        for (int i = 0; i < text.length(); i++) {
            for (int shift = 12; shift >= 0; shift -= 4) {
                out.append(Character.forDigit(text.charAt(i) >> shift & 0xf, 16));
            }
        }
    }
}
