// The screen of an address that leads nowhere.

import { href } from '../router';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function NotFoundScreen() {
  return (
    <Screen title="Not found">
      <Empty
        title="There is no such page"
        actions={
          <a class="button" href={href('/')}>
            Go to the overview
          </a>
        }
      >
        The address may be mistyped, or from another version of the console.
      </Empty>
    </Screen>
  );
}
