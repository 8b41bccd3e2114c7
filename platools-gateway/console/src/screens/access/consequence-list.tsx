// Consequence list: the sentences of a dialog that asks before something ends.

export function ConsequenceList({ items }: { items: string[] }) {
  return (
    <ul class="access-consequences">
      {items.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}
