// Requests to the server. All addresses are relative to that of the page, which begins with the secret.

// The answer; an Error with the server's message where it refuses.
async function request(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error("srdgan-rt serve does not answer: is it still running?");
  }
  if (!answer.ok) {
    const { error } = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
    throw new Error(error);
  }
  return answer;
}

function post(path, value, signal) {
  return request(path, { method: "POST", body: JSON.stringify(value), signal });
}

async function sendPicture(file) {
  const answer = await request(`picture?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
  return answer.json();
}

// A picture for the viewer; its address must be released when it is shown no more.
async function fetchView(which, key, name, width, height) {
  const answer = await request(`view/${which}?key=${key}`);
  return { name, width, height, url: URL.createObjectURL(await answer.blob()) };
}

// Enlarges; onProgress(share) is called on the way. Aborting the signal cancels the work.
async function enlarge(wanted, signal, onProgress) {
  const answer = await post("enlarge", wanted, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      throw new Error("srdgan-rt serve has ended");
    }
    const lines = (text + value).split("\n");
    text = lines.pop();
    for (const line of lines.map(JSON.parse)) {
      if (line.error) {
        throw new Error(line.error);
      }
      if (line.result) {
        return line.result;
      }
      onProgress(line.share);
    }
  }
}

async function fetchFile(wanted) {
  const answer = await post("save", wanted);
  const { name, notes } = JSON.parse(answer.headers.get("x-result"));
  return { name, notes, url: URL.createObjectURL(await answer.blob()) };
}
