// Access.

import type { ScreenProps } from '../routes';
import { Screen } from '../ui/screen';
import { Empty } from '../ui/states';

export function AccessScreen(_: ScreenProps) {
  return (
    <Screen title="Access">
      <Empty title="Nothing here yet" />
    </Screen>
  );
}
