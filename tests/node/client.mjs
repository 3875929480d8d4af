// got, as it comes, against a server: the status of every answer, in order, one a line.
import got from "got";

const [url, count] = process.argv.slice(2);
const client = got.extend({
  throwHttpErrors: false,
  hooks: { afterResponse: [(response) => (console.log(response.statusCode), response)] },
});
for (let request = 0; request < Number(count); request++) {
  await client.get(url);
}
