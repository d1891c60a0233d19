/** Names as a person would say them. */

const GO_TYPE_ARGUMENTS = /\[[^\]]*\]/g;

/** A qualified name without its path: `github.com/grab/async.(*task).Run` is `async.(*task).Run`. */
export function shortName(name) {
  const bare = name.includes('[') ? name.replace(GO_TYPE_ARGUMENTS, '[…]') : name;
  const cut = bare.lastIndexOf('/');
  return cut > 0 && cut < bare.length - 1 ? bare.slice(cut + 1) : bare;
}
