// Asks c-ares for each NAME TYPE, and prints a line: the data, or its word for that there are none.
const { resolve } = require("node:dns").promises;

async function main(words) {
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [name, type] = words.slice(at, at + 2);
    try {
      const found = (await resolve(name, type)).flat();
      console.log(type === "TXT" ? `${found.join("").length} bytes` : found.join(" "));
    } catch (error) {
      console.log(error.code);
    }
  }
}

main(process.argv.slice(2));
