/** Files of dropped or chosen folders, with their paths below what was chosen. */

/** System files that no reader of a folder sees. */
const HIDDEN = /(^|\/)(\.|Thumbs\.db$|desktop\.ini$)/i;

/**
 * @typedef {{file: File, path: string}} Found
 */

/** @returns {Found[]} of an `<input type="file">` */
export function chosen(list) {
  return visible([...list].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
}

/**
 * The dropped files, those of folders included.
 *
 * @param {DataTransfer} transfer read at once: it is empty when the event is over
 * @returns {Promise<Found[]>}
 */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return chosen(transfer.files);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return visible(found);
}

async function walk(entry, before, found) {
  const path = before + entry.name;
  if (entry.isFile) {
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path });
    return;
  }
  const reader = entry.createReader();
  // A reader gives some hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, `${path}/`, found);
  }
}

function visible(found) {
  return found
    .filter(({ path }) => !HIDDEN.test(path))
    .sort((one, other) => one.path.localeCompare(other.path, undefined, { numeric: true }));
}
