/*
 * The fault campaign's calls as the API's documentation shows them in Java: HttpURLConnection, a POST with
 * a body, the JDK's defaults. When a response is lost, it sends the request once more by itself
 * (sun.net.http.retryPost, JDK-6427251), also on a new connection.
 *
 *     java CampaignJava CA_FILE TIMEOUT_MS KEY TIMESTAMP SIGN < groups > diary
 *
 * `groups` and the diary are those of benches/c/campaign_curl.c. Where that has a CURLcode, this has 0 or the
 * exception's name. There is no limit for the whole call: the JDK has one for the connection, and one for each
 * read.
 */
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public final class CampaignJava {
    private static final int RESPONSE = 4096;

    private static int timeoutMs;
    private static String key, timestamp, sign;
    private static PrintStream diary;

    private record Group(String url, String prefix, long calls, int bulk) {
        static Group read(String line) {
            String[] fields = line.split(" ");
            return new Group(fields[0], fields[1], Long.parseLong(fields[2]), Integer.parseInt(fields[3]));
        }
    }

    private record Response(int status, String body) {
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 5) {
            throw new IllegalArgumentException("wants CA_FILE TIMEOUT_MS KEY TIMESTAMP SIGN");
        }
        timeoutMs = Integer.parseInt(arguments[1]);
        key = arguments[2];
        timestamp = arguments[3];
        sign = arguments[4];
        trust(arguments[0]);
        diary = new PrintStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)), false,
                StandardCharsets.UTF_8);
        diary.print("Java " + System.getProperty("java.version") + "\n");

        List<Thread> threads = new ArrayList<>();
        BufferedReader groups = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = groups.readLine(); line != null; line = groups.readLine()) {
            Group group = Group.read(line);
            threads.add(new Thread(() -> callAll(group)));
        }
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        diary.flush();
    }

    private static void trust(String caFile) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream file = new FileInputStream(caFile)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
    }

    private static void callAll(Group group) {
        String field = "\\u0001".repeat(group.bulk);
        for (long call = 0; call < group.calls; call++) {
            if (call % 4 == 3) {
                rest(call * 7919 % 3000);
            }
            String callee = group.prefix + String.format("%06d", call);
            String body = group.bulk > 0
                    ? "{\"callee\":\"" + callee + "\",\"displayNum\":\"" + field + "\",\"account\":\"" + field
                            + "\",\"appId\":\"" + field + "\",\"calledInfo\":\"" + field + "\"}"
                    : "{\"callee\":\"" + callee + "\",\"account\":\"8001\",\"appId\":\"4\"}";
            String error = "0", words = "";
            Response response = new Response(0, "");
            long before = System.nanoTime();
            try {
                response = post(group.url, body.getBytes(StandardCharsets.UTF_8));
            } catch (Exception exception) {
                error = exception.getClass().getSimpleName();
                words = oneLine(String.valueOf(exception.getMessage()));
            }
            long elapsed = (System.nanoTime() - before) / 1000;
            diary.print(callee + "\t" + error + "\t" + response.status + "\t" + elapsed + "\t" + words + "\t"
                    + oneLine(response.body) + "\n");
        }
    }

    private static Response post(String url, byte[] body) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection(Proxy.NO_PROXY);
        connection.setRequestMethod("POST");
        connection.setConnectTimeout(timeoutMs);
        connection.setReadTimeout(timeoutMs);
        connection.setRequestProperty("Content-Type", "application/json;charset=UTF-8");
        connection.setRequestProperty("Api-Key", key);
        connection.setRequestProperty("Timestamp", timestamp);
        connection.setRequestProperty("Sign", sign);
        connection.setDoOutput(true);
        try (OutputStream out = connection.getOutputStream()) {
            out.write(body);
        }
        int status = connection.getResponseCode();
        // Read to its end, the connection goes back to the JDK's pool.
        try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            byte[] response = in == null ? new byte[0] : in.readAllBytes();
            return new Response(status, new String(response, 0, Math.min(response.length, RESPONSE),
                    StandardCharsets.UTF_8));
        }
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\p{Cntrl}", " ");
    }

    private static void rest(long microseconds) {
        try {
            Thread.sleep(microseconds / 1000, (int) (microseconds % 1000) * 1000);
        } catch (InterruptedException exception) {
            throw new IllegalStateException(exception);
        }
    }
}
